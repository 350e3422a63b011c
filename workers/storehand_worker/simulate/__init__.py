"""`storehand simulate`: a pool of workers under traffic, with any autoscaling policy. No GPU, no cluster."""
