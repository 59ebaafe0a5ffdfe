cwlVersion: v1.1
class: CommandLineTool
baseCommand: align
inputs: []
outputs: {o: stdout, e: stderr}
