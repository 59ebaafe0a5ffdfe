cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
inputs:
  f: {type: File, inputBinding: {valueFrom: -x$(self)}}
outputs: []
