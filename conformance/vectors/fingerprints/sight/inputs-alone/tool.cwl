cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
arguments: [$(inputs)]
inputs: {b: int, a: int}
outputs: []
