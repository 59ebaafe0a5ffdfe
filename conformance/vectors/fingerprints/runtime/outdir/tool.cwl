cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
arguments: [$(runtime.outdir), $(runtime.tmpdir)]
inputs: []
outputs: []
