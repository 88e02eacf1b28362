"""How fast training reads, steps and evaluates, beside what a first version would be."""
