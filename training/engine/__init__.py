"""The moving parts of training and measuring: the update, averaged weights, predictions, overlays."""
