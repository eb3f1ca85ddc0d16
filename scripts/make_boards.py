"""Make docs/boards.md of the benchmark records in docs/records.

python scripts/make_boards.py [--records docs/records] [--output docs/boards.md]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from asmnet_edge.benchmarks.report.boards import boards_page, read_records
from asmnet_edge.errors import AsmnetEdgeError
from asmnet_edge.io.files import write_atomically

DOCS = Path(__file__).parents[1] / "docs"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=Path, default=DOCS / "records", help="folder of records")
    parser.add_argument("--output", type=Path, default=DOCS / "boards.md", help="Markdown file")
    given = parser.parse_args()
    try:
        text = boards_page(read_records(given.records), given.records.name)
        write_atomically(given.output, text.encode())
    except AsmnetEdgeError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
