"""What reviewers have said, with its pictures, as a data set to train on."""
