"""placeholder"""


def write(results, docs):
    pass
