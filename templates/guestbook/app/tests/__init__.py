"""The tests. From the folder above: `python3 -m unittest`, or with a report for machines
`python3 -m tests.junit out.xml`. Each starts what it needs on free ports and takes it away again.
"""
