"""Recognition of enrolled people, off by default. A face that matches none is `unknown`.

    enrollment -> store                          pictures become templates, kept in a file
    recognizer -> embedding_process -> gallery   a track's face becomes an embedding, is matched

Nothing else of Facet imports this package unless recognition is enabled.
"""
