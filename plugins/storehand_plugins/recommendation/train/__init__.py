"""How a recommender's model folder is made from a shop's events: `storehand train recommender`."""
