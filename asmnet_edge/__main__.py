"""``python -m asmnet_edge``."""

from asmnet_edge.cli.main import main

if __name__ == "__main__":
    main()
