"""Everything that makes an artifact: the hand, its pictures, the networks, their training and export."""
