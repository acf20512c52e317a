"""Exports for analysis: the log and its histories, in files that other tools read.

    ndjson       the log's events, as received
    csv_table, parquet   timelines and status periods, a row each
    xes          IEEE 1849: a trace a ticket
    ocel         OCEL 2.0: events and the objects they touch; as SQLite or JSON

Everything is written while it is read: a log of any size needs the memory of one page.
"""
