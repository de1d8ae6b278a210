"""One HTML page about a finished run: what it learned from, how well, and where it errs.

__main__  ->  run, results  ->  a module for each part of the page  ->  page, page.html
              what it left,     exploration, learning, quality, trust,  one document,
              what it says      mistakes (panels), conversion           images within it
"""
