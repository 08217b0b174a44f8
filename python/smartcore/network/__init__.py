"""The graph neural network: its layers and the model made of them."""
