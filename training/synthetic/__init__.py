"""Multi-view renderer of labelled hands: scenes, image formation, and the data set they make."""
