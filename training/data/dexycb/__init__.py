"""DexYCB as it is published: its folders, which of its views are valid, and its hands (spec section 7.1)."""
