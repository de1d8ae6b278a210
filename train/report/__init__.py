"""One HTML page about a finished run: data, learning curves, scores, calibration, mistakes, int8.

__main__  ->  run, predictions  ->  a module per section of the page  ->  page, page.html
              files, outputs        exploration, learning, quality,       one document with
                                    calibration, mistakes                 embedded images
                                    (attribute_panels), conversion
"""
