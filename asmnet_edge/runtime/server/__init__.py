"""Web page that shows a stream: latest frame, connections, HTTP server."""
