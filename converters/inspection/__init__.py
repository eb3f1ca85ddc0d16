"""Contents of a model file: contract, operators, and the operators that run in int8."""
