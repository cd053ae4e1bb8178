"""The REST API: here is only HTTP; rules live in the models and in classifier.images."""
