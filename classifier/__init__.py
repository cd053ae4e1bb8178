"""The Django app and the owner of the data. Never imports TensorFlow, Keras or NumPy."""
