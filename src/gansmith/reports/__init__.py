"""From a run folder to things a person looks at: sheets, curves, the HTML page, the model card.

Nothing here imports torch: a report can be made again on a machine that only has the run folder.
"""
