"""The companion package of the book: from category scores to instances, one module an idea."""

__version__ = "0.1.0"
