cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
stderr: log.txt
inputs: []
outputs: {o: stdout, e: stderr}
