"""A web page that shows a stream and its faces."""
