cwlVersion: v1.1
class: CommandLineTool
baseCommand: align
arguments: ['\\$(inputs.n) $(inputs.n)']
inputs: {n: int}
outputs: []
