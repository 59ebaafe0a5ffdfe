cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
inputs: {n: int}
outputs:
  n: {type: File, outputBinding: {glob: '\\$(inputs.n) $(inputs.n)'}}
