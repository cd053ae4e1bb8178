"""Whose turn it is in this process: a micro-batch's, or its end's."""

import threading

micro_batch = threading.Lock()  # held while rows are claimed, so that the process ends in between
ending = threading.Event()  # no micro-batch begins any more
