"""Contents of a model file: contract, operators, and what runs in int8."""
