"""From a reconstructed hand to the bytes of an answer, by media type."""
