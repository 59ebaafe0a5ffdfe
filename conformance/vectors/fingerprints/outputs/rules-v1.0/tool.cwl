cwlVersion: v1.0
class: CommandLineTool
baseCommand: align
inputs: []
outputs:
  n: {type: string, outputBinding: {outputEval: $(runtime.outdir)}}
