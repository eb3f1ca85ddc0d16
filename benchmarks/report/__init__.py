"""A record for people: terminal table, HTML page, Markdown, CSV."""
