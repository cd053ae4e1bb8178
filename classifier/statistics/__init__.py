"""How good the answers are and how the service fares, from bounded parts of what is kept."""
