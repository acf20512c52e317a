"""What we asked a provider for: which key stands for which request, and how far each has come.

The log has what was asked and answered, as events of our own. asked.db says, before anything is
sent, that it will be; so a crash between the sending and the answer leaves a trace.
"""
