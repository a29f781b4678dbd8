"""Live sessions: order of chunks, utterances, agreement, transcripts. Knows no HTTP."""
