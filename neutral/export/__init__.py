"""What leaves for a paper or a talk: figures as files, their captions, their data as tables, and a report of many.

sizes     how wide a figure is on paper, and how large its text
paper     a figure as paper takes it: white ground, dark text
pictures  PNG, SVG and PDF, made by the system's Chromium, offline
drawn     the data that a figure shows, as a table
latex     a table as LaTeX's booktabs sets it
captions  what a figure shows and with which settings
report    figures with captions and tables in one HTML file
"""
