cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
arguments:
  - {prefix: -s, valueFrom: {$include: script.txt}}
requirements:
  - $import: variables.yml
inputs:
  - {$import: level.yml}
outputs: []
