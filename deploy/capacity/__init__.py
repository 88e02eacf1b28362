"""From what an image costs to the pods, the network and the money that so many images a second take."""
