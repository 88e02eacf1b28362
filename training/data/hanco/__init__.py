"""HanCo as it is published: its folders, which of its frames are valid, and its hands (spec section 7.2)."""
