"""Pictures as SVG, drawn on the server: no script, no library, no request elsewhere."""
