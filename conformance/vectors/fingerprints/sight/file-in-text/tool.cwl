cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
arguments: [-x$(inputs.f)]
inputs: {f: File}
outputs: []
