"""The images without an engine: `builder` builds them, `container` runs one, `trial` tries its promises."""
