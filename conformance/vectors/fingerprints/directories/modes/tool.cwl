cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
inputs: {d: Directory}
outputs: []
