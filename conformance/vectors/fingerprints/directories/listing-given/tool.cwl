cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
arguments: [$(inputs.d.listing)]
inputs: {d: Directory}
outputs: []
