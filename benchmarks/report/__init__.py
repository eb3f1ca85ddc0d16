"""Reports of benchmark records: terminal tables, HTML page, Markdown, CSV and charts."""
