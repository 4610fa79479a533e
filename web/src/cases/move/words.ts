import { speaker } from '../../i18n/words';

export const words = {
  department: ['部门', 'Department'],
  category: ['类别', 'Category'],
  reason: ['理由', 'Reason'],
  condition: ['依据的条件', 'Condition'],
  limit: ['延长多少', 'How much longer'],
  limitExample: ['如 2工作日', 'such as 2 work days'],
  worker: ['人员编号', 'Person (id)'],
  rating: ['评分（1–5）', 'Rating (1–5)'],
  published: ['向公众公开内容与位置', 'Show text and place to all'],
  newPlace: ['新位置（经度, 纬度），或在地图上点选', 'New place (longitude, latitude), or click the map'],
  optional: ['（可不填）', '(may be left out)'],
  confirm: ['确定', 'Confirm'],
  cancel: ['取消', 'Cancel'],
} as const;

export const t = speaker(words);
