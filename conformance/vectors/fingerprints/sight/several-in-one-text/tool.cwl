cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
arguments: ['$(inputs.n)$(inputs.f)', '(inputs.f) $inputs $ (inputs.f)']
inputs: {f: File, n: int}
outputs: []
