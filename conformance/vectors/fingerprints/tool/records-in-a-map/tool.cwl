cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
inputs:
  zeta: {type: {type: record, fields: {b: {type: {type: record, fields: {x: int}}}, a: {type: {type: record, fields: {x: int}}}}}}
  alpha: {type: {type: record, fields: {x: int}}}
outputs: []
