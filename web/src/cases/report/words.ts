import { speaker } from '../../i18n/words';

export const words = {
  report: ['登记案件', 'Report a case'],
  place: ['位置（经度, 纬度）', 'Place (longitude, latitude)'],
  placeHint: ['点击地图选点', 'Click the map to choose it'],
  here: ['用我现在的位置', 'Use where I am'],
  noPosition: ['浏览器没有给出位置', 'The browser gives no position'],
  category: ['类别', 'Category'],
  description: ['情况说明', 'What is the matter'],
  source: ['来源', 'Source'],
  hotline: ['热线', 'Hotline'],
  collector: ['网格员巡查', 'Keeper on the round'],
  visit: ['来访', 'Visit'],
  leader: ['领导批示', 'Leaders’ notes'],
  open311: ['公众平台', 'Public platform'],
  reporterName: ['上报人姓名', 'Reporter’s name'],
  reporterPhone: ['上报人电话', 'Reporter’s phone'],
  send: ['提交', 'Send'],
  cancel: ['取消', 'Cancel'],
  noPlace: ['请先选位置', 'Choose the place first'],
  near: ['附近已有 {} 件可能相同的案件', '{} cases nearby may be the same'],
} as const;

export const t = speaker(words);
