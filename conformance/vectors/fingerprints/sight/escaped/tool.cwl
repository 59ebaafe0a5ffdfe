cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
arguments: ['\$(inputs.f)-', '\\$(inputs.n)']
inputs: {f: File, n: int}
outputs: []
